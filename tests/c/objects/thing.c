/* A library in several versions under one name. */
int thing_version(void);
int common(void);

int thing_version(void) {
    return VERSION;
}

int common(void) {
    return 1000 + VERSION;
}
