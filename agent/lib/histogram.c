/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/histogram.h"

const uint32_t histogram_bounds_ms[HISTOGRAM_BOUNDS] = {
        500,    1000,   2000,   3000,   4000,   5000,   6000,   8000,   10000,   20000,   30000,   45000,   60000,
        120000, 180000, 240000, 300000, 360000, 480000, 600000, 900000, 1200000, 1800000, 2700000, 3600000,
};

void histogram_add(struct histogram *h, uint64_t usec)
{
        for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++)
                h->within[i] += usec <= (uint64_t)histogram_bounds_ms[i] * 1000;
        h->count++;
        h->sum_usec += usec;
}
