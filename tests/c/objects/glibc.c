/* Stands for glibc's libc.so.6 where objects are linked. */
unsigned long strlen(const char *text);

unsigned long strlen(const char *text) {
    unsigned long length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}
