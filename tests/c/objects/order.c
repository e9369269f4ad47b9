/* Says when it is started and finished: its letter, and that in upper case. */
void note(char letter);

__attribute__((constructor)) static void start(void) {
    note(LETTER);
}

__attribute__((destructor)) static void finish(void) {
    note(LETTER - 'a' + 'A');
}

void first(void) {
    note('(');
}

void last(void) {
    note(')');
}
