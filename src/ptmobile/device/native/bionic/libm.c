/*
 * A stand-in for Android's libm.so: glibc's libm, which it needs, has every function that the libraries take. Only those
 * with a long double argument differ on x86-64, where Android's has 128 bits and is passed in a vector register.
 */
#ifdef __x86_64__
#include <math.h>

typedef __float128 quad;

double quad_nexttoward(double from, quad to) __asm__("nexttoward");
float quad_nexttowardf(float from, quad to) __asm__("nexttowardf");

/* Which neighbour it is depends on the direction alone; equal numbers give `to`, and nextafter deals with NaN. */
double quad_nexttoward(double from, quad to)
{
    return from == to ? (double)to : nextafter(from, to != to ? NAN : to > from ? INFINITY : -INFINITY);
}

float quad_nexttowardf(float from, quad to)
{
    return from == to ? (float)to : nextafterf(from, to != to ? NAN : to > from ? INFINITY : -INFINITY);
}
#endif
