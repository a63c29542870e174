/*  host_world - runs a host of the actors given until one of them stops it.  */

#pragma once

#include "runtime/host.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static host_t *host;

static inline void
run_host(const host_options_t *options, const actor_class_t *const *classes, err_t expected)
{
    host = host_new(options);
    for (; *classes; classes++)
        host_add(host, *classes);
    fault_t fault = {0};
    err_t err = host_start(host, &fault);
    if (err == OK)
        err = host_run(host, &fault);
    if (err != expected)
        print_message("%s: %s\n", err_name(err), fault.text);
    assert_int_equal(err, expected);
    host_destroy(&host);
}

/*  ----------------------------------------------------- a sink that handles no parcel  */

static inline err_t
always_fail(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    return ctx_fail(ctx, "for good");
}

static handler_fn *const hopeless_handlers[MSG_COUNT] = {[MSG_parcel] = always_fail};
static const actor_class_t hopeless = {.name = "sink", .handlers = hopeless_handlers};
