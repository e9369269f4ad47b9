/*
 * libffi's configuration for static musl on x86_64 and aarch64, in place of configure (which the
 * source archive does not carry).
 *
 * FFI_EXEC_STATIC_TRAMP is left out on purpose: it maps the program's own file a second time for
 * closures, and a snapshot must hold no file mappings. Closures are anonymous memory instead.
 */
#ifndef NB_FFICONFIG_H
#define NB_FFICONFIG_H

#define HAVE_ALLOCA_H 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_INTTYPES_H 1
#define HAVE_MEMCPY 1
#define HAVE_MEMFD_CREATE 1
#define HAVE_MKOSTEMP 1
#define HAVE_RO_EH_FRAME 1
#define EH_FRAME_FLAGS "a"
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_SYS_MEMFD_H 0
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define STDC_HEADERS 1
#define SIZEOF_DOUBLE 8
#define SIZEOF_LONG_DOUBLE 16
#define SIZEOF_SIZE_T 8
#define HAVE_LONG_DOUBLE 1
#define HAVE_AS_CFI_PSEUDO_OP 1

#if defined(__x86_64__)
#define HAVE_AS_X86_PCREL 1
#define HAVE_AS_X86_64_UNWIND_SECTION_TYPE 1
#endif

#ifdef HAVE_HIDDEN_VISIBILITY_ATTRIBUTE
#ifdef LIBFFI_ASM
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__((visibility("hidden")))
#endif
#endif

#endif
