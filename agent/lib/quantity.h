/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities as the API writes them (k8s.io/apimachinery pkg/api/resource): "100m", "0.5", "1e3", "200Mi". All are
 * taken that the API server lets through and that are not negative; values beyond INT64_MAX are not. Pure.
 */
#ifndef VKS_AGENT_LIB_QUANTITY_H
#define VKS_AGENT_LIB_QUANTITY_H

#include "common/base.h"

/*
 * The quantity in thousandths, or as it is, rounded up as Quantity.MilliValue() and Value() do. -EINVAL when it is no
 * quantity, -ERANGE when it does not fit; *ret is then left alone.
 */
int quantity_milli(const char *s, uint64_t *ret);
int quantity_value(const char *s, uint64_t *ret);

/* How many times `divisor` (0 means 1) there are in `value`, rounded up. */
uint64_t quantity_ceil(uint64_t value, uint64_t divisor);

enum { QUANTITY_TEXT_MAX = 32 };

/* Bytes, the largest binary suffix that leaves a whole number: "2Gi", "3914Mi", "1000Ki". What is less than 1 Ki is
 * cut. */
void quantity_bytes_text(uint64_t bytes, char ret[QUANTITY_TEXT_MAX]);

/* Thousandths, with a decimal suffix: "3900m", "4", "1k". */
void quantity_milli_text(uint64_t milli, char ret[QUANTITY_TEXT_MAX]);

#endif
