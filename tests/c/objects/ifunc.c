/* A function that is chosen when the object is loaded; with a pointer to it, if USED. (Clang has no
 * attribute for it where the C library is musl.) */
static int one(void) {
    return 1;
}

int (*chosen(void))(void);
int (*chosen(void))(void) {
    return one;
}
__asm__(".type chosen, %gnu_indirect_function");

#ifdef USED
int (*(*chosen_one)(void))(void) = chosen;
#endif
