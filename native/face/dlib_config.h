#ifndef MASKBENCH_FACE_DLIB_CONFIG_H_
#define MASKBENCH_FACE_DLIB_CONFIG_H_

// To be included before any other header of dlib. Debian's configuration turns BLAS and LAPACK on; dlib's own
// arithmetic is the same on every machine, and nothing here is large enough to need them. dlib/config.h has no include
// guard; these two are what include it.
#include <dlib/assert.h>
#include <dlib/test_for_odr_violations.h>
#undef DLIB_USE_BLAS
#undef DLIB_USE_LAPACK

#endif  // MASKBENCH_FACE_DLIB_CONFIG_H_
