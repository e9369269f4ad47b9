/* Uses what it does not define. */
#ifndef MINE
#define MINE user_calls
#endif
int NEEDED(void);
int MINE(void);

int MINE(void) {
    return NEEDED() + 100;
}
