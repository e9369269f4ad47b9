/* nb_cpu.c at the program's entry point. On a CPU that lacks something, nothing of this may run:
 * run.py starts it under qemu with an old CPU and expects the message. */
#include "nb_cpu.c"

#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 1 && argv[0] != NULL && argv[1] == NULL); /* the stack arrived as it was */
    CHECK(nb_cpu_checked == 1);                             /* before main */
    nb_cpu_checked = 0;
    nb_cpu_check(); /* the other way in, for a program with the usual entry point */
    CHECK(nb_cpu_checked == 1);
    printf("cpu: checked at the entry point and from main\n");
    return 0;
}
