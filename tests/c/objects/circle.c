/* One of two that need each other. */
int MINE(void);
int OTHER(void);
static int started;

__attribute__((constructor)) static void start(void) {
    started += NUMBER;
}

int MINE(void) {
    return started;
}

int both(void) {
    return MINE() * 10 + OTHER();
}
