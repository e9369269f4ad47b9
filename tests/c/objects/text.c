/* An address in code. */
#if defined(__x86_64__)
__asm__(".text\n.globl in_text\nin_text: movabsq $common, %rax\nret\n");
#else
__asm__(".text\n.globl in_text\nin_text: ret\n.xword common\n");
#endif
