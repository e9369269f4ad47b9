/* Uses another object's thread-local variable. */
extern __thread long value;

long user_of_value(void);
long user_of_value(void) {
    return value;
}
