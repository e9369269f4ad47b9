/* More thread-local storage than there is room for, or better aligned than it can be. */
__thread char big[SIZE] __attribute__((aligned(ALIGN)));

char *big_one(void);
char *big_one(void) {
    return big;
}
