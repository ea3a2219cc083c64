/* A stand-in for Android's libdl.so: the functions of dlfcn.h are glibc's, with the same arguments and flags on 64 bits. */
typedef int not_empty;
