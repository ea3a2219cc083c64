/*
 * A stand-in for Android's libandroid.so: files inside an app's package. The libraries name these functions for loading
 * a model from there; here models are loaded from a path, and nothing of this is ever called.
 */
#include <stddef.h>

void *AAssetManager_fromJava(void *environment, void *manager) { (void)environment; (void)manager; return NULL; }
void *AAssetManager_open(void *manager, const char *name, int mode) { (void)manager; (void)name; (void)mode; return NULL; }
const void *AAsset_getBuffer(void *asset) { (void)asset; return NULL; }
long AAsset_getLength(void *asset) { (void)asset; return 0; }
void AAsset_close(void *asset) { (void)asset; }
