/* What nobody has, and need not. */
__attribute__((weak)) int absent(void);
__attribute__((weak)) extern int absent_variable;
__attribute__((weak)) int strcmp(const char *a, const char *b);

int weak_ones(void) {
    return (absent != 0) + 2 * (&absent_variable != 0) + 4 * (strcmp != 0);
}
