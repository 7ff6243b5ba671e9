/* SPDX-License-Identifier: Apache-2.0 */
/* Every fuzzer is one function; libFuzzer drives it in `make fuzz`, corpus_main.c in `make check`. */
#ifndef VKS_TESTS_FUZZ_H
#define VKS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
