#include "actors/server/pacing.h"

#include <string.h>

enum { REMIND_MS = 4000, GIVE_UP_MS = 30000 };

static void
keep(session_t *session, ctx_t *ctx, const delivery_t *delivery, buffer_t *frame)
{
    delivery_release(&session->delivery);
    session->delivery = *delivery;
    session->delivery.open = true;
    session->delivery.table = delivery->table ? mem_text(delivery->table) : NULL;
    session->delivery.since_ms = ctx_now_ms(ctx);
    session->delivery.frame = *frame;
    *frame = (buffer_t){0};
    if (delivery->table == NULL)
        ctx_after(ctx, session_timer(session, TIMER_REMIND), REMIND_MS);
}

void
pacing_deliver(session_t *session, ctx_t *ctx, message_id_t id, const void *body,
               const delivery_t *delivery)
{
    buffer_t frame = {0};
    if (session->closing)
        return;
    session_pack(session, ctx, id, body, &frame);
    session_put(session, ctx, buffer_bytes(&frame));
    if (delivery->table)
        window_add_page(&session->window);
    else
        window_add(&session->window, delivery->lsn);
    if (session->visitor.json)
        keep(session, ctx, delivery, &frame);
    buffer_release(&frame);
}

/*  ----------------------------------------------------------------- acknowledgements  */

static bool
is_named(const delivery_t *delivery, const char *table, uint64_t chunk)
{
    const bool same = table && delivery->table ? strcmp(table, delivery->table) == 0
                                               : table == delivery->table;
    return delivery->open && same && chunk == delivery->chunk;
}

void
pacing_take_page(session_t *session, ctx_t *ctx, const clt_init_received_t *receipt)
{
    if (session->visitor.json) {
        if (receipt->table == NULL
            || !is_named(&session->delivery, receipt->table, receipt->chunk))
            return;
        delivery_release(&session->delivery);
    }
    session_acknowledge_page(session, ctx);
}

/*  The position that counts is the chunk's: what a client makes of it is its own business.  */
void
pacing_take_chunk(session_t *session, ctx_t *ctx, const clt_catchup_received_t *receipt)
{
    uint64_t lsn = receipt->lsn;
    if (session->visitor.json) {
        if (!is_named(&session->delivery, NULL, receipt->chunk))
            return;
        lsn = session->delivery.lsn;
        delivery_release(&session->delivery);
    }
    session_acknowledge(session, ctx, lsn);
}

/*  ----------------------------------------------------------------------- reminding  */

static void
give_up(session_t *session, ctx_t *ctx)
{
    delivery_release(&session->delivery);
    window_clear(&session->window);
    session->given_up = true;
    ctx_log(ctx, LOG_warning, "%s: its catch-up was given up: it took no chunk for %d s",
            session->visitor.client_id, GIVE_UP_MS / 1000);
    TELL(session, ctx, srv_catchup_completed, .start_lsn = session->began,
         .final_lsn = session->position, .change_count = session->count, .success = false,
         .error = "a chunk was not acknowledged for 30 s: ask with clt_catchup_request");
}

void
pacing_remind(session_t *session, ctx_t *ctx)
{
    const delivery_t *delivery = &session->delivery;
    if (!delivery->open || delivery->table)
        return;
    if (ctx_now_ms(ctx) - delivery->since_ms >= GIVE_UP_MS) {
        give_up(session, ctx);
        return;
    }
    session_put(session, ctx, buffer_bytes(&delivery->frame));
    ctx_after(ctx, session_timer(session, TIMER_REMIND), REMIND_MS);
}
