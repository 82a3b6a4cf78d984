/* SPDX-License-Identifier: Apache-2.0 */
/* loop - runs a libuv loop until something has happened, or the test has failed. */
#ifndef TEST_LOOP_H
#define TEST_LOOP_H

#include <stdbool.h>
#include <uv.h>

/* A new loop; and as in the worker, a broken pipe is an error, not a death. */
void loop_start(uv_loop_t *loop);
/* Turns the loop until happened(ctx); fails the test, naming `what`, after 10 s. */
void loop_until(uv_loop_t *loop, bool (*happened)(void *ctx), void *ctx,
                const char *what);
/* The same for a flag. */
void loop_until_set(uv_loop_t *loop, const bool *flag, const char *what);
/* Turns the loop for as long as a peer is given to do what it must not do. */
void loop_for(uv_loop_t *loop, uint64_t ms);
/* Closes what is open, and asserts that nothing then keeps the loop. */
void loop_finish(uv_loop_t *loop);

#endif
