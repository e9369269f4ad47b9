/* Many relative relocations: constant pointers (RELRO) and others. */
static const int numbers[] = {10, 11, 12, 13, 14, 15, 16, 17};
#define FOUR(n) &numbers[n], &numbers[(n) + 1], &numbers[(n) + 2], &numbers[(n) + 3]
#define EIGHT FOUR(0), FOUR(4)
const int *const constant[] = {EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
                               EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT};
const int *variable[] = {EIGHT, 0, EIGHT, 0, 0, EIGHT};
char zeros[10000];

int pointers_sum(void);
int pointers_sum(void) {
    int sum = 0;
    for (int i = 0; i < 128; i++)
        sum += *constant[i];
    for (int i = 0; i < 27; i++)
        sum += variable[i] ? *variable[i] : 0;
    for (unsigned i = 0; i < sizeof zeros; i++)
        sum += zeros[i];
    return sum;
}
