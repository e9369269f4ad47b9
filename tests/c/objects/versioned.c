/* Two versions of one symbol: the default one is new. */
__asm__(".symver old_one, versioned@V1");
__asm__(".symver new_one, versioned@@V2");
__asm__(".symver gone, only_old@V1");

int old_one(void) {
    return 1;
}

int new_one(void) {
    return 2;
}

int gone(void) {
    return 3;
}
