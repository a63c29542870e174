/*  What another port needs to go on where this one is: credit, order and subscriptions.  */

#include "bus/port_private.h"

#include "schemas/pack.h"

#include <string.h>

enum { STATE_VALUES = 5, OUT_VALUES = 6, IN_VALUES = 8, SUBSCRIPTION_VALUES = 2 };

static void
put_text(buffer_t *out, const char *text)
{
    pack_text(out, text, strlen(text));
}

static void
pack_out(const out_link_t *link, buffer_t *out)
{
    uint64_t seq = counter_get(&link->seq);
    uint64_t done = counter_get(&link->done);
    pack_list(out, OUT_VALUES);
    put_text(out, link->to);
    pack_uint(out, seq);
    pack_uint(out, done);
    pack_uint(out, link->starved);
    pack_uint(out, link->closed);
    pack_list(out, seq - done);
    while (done < seq)
        pack_uint(out, link->sizes[++done % PORT_WINDOW]);
}

static void
pack_in(const in_link_t *link, buffer_t *out)
{
    pack_list(out, IN_VALUES);
    put_text(out, link->from);
    pack_uint(out, link->epoch);
    pack_uint(out, counter_get(&link->admitted));
    pack_uint(out, counter_get(&link->done));
    pack_uint(out, link->owed);
    pack_uint(out, link->owed_bytes);
    pack_uint(out, link->prompt);
    pack_uint(out, link->again);
}

/*  The length of a list whose elements begin with what comes next.  */
static size_t
length_of(const void *list)
{
    size_t n = 0;
    for (const void *const *each = list; each; each = *each)
        n++;
    return n;
}

void
port_pack_state(const port_t *self, buffer_t *out)
{
    pack_list(out, STATE_VALUES);
    pack_uint(out, self->epoch);
    pack_int(out, self->wall_offset_ms);
    pack_list(out, length_of(self->out));
    for (const out_link_t *link = self->out; link; link = link->next)
        pack_out(link, out);
    pack_list(out, length_of(self->in));
    for (const in_link_t *link = self->in; link; link = link->next)
        pack_in(link, out);
    pack_list(out, length_of(self->subscriptions));
    for (const subscription_t *each = self->subscriptions; each; each = each->next) {
        pack_list(out, SUBSCRIPTION_VALUES);
        put_text(out, each->pattern);
        put_text(out, each->subscriber);
    }
}

/*  --------------------------------------------------------------------- reading  */

static bool
take_list(cursor_t *in, uint64_t *n)
{
    token_t token;
    bool good =
        cursor_next(in, &token) && token.kind == TOKEN_LIST && token.number <= cursor_left(in);
    *n = good ? token.number : 0;
    return good;
}

static bool
take_name(cursor_t *in, char name[NAME_ROOM + 1])
{
    token_t token;
    if (!cursor_next(in, &token) || token.kind != TOKEN_TEXT || token.bytes.size == 0
        || token.bytes.size > NAME_ROOM || memchr(token.bytes.data, '\0', token.bytes.size))
        return false;
    memcpy(name, token.bytes.data, token.bytes.size);
    name[token.bytes.size] = '\0';
    return true;
}

static bool
take_sizes(cursor_t *in, out_link_t *link, uint64_t seq, uint64_t done)
{
    uint64_t n, size;
    if (!take_list(in, &n) || seq < done || n != seq - done || n > PORT_WINDOW)
        return false;
    for (uint64_t i = done + 1; i <= seq; i++) {
        if (!cursor_take_number(in, &size) || size > UINT32_MAX)
            return false;
        link->sizes[i % PORT_WINDOW] = (uint32_t) size;
        link->bytes += size;
    }
    counter_set(&link->seq, seq);
    counter_set(&link->done, done);
    return true;
}

static bool
take_out(port_t *self, cursor_t *in)
{
    char name[NAME_ROOM + 1];
    uint64_t seq, done, starved, closed;
    if (!cursor_take_list(in, OUT_VALUES) || !take_name(in, name)
        || !cursor_take_number(in, &seq) || !cursor_take_number(in, &done)
        || !cursor_take_number(in, &starved) || !cursor_take_number(in, &closed))
        return false;
    out_link_t *link = out_link(&self->out, name);
    link->starved = starved != 0;
    link->closed = closed != 0;
    return take_sizes(in, link, seq, done);
}

static bool
take_in(port_t *self, cursor_t *in)
{
    char name[NAME_ROOM + 1];
    uint64_t number[IN_VALUES - 1];
    if (!cursor_take_list(in, IN_VALUES) || !take_name(in, name))
        return false;
    for (size_t i = 0; i < COUNT_OF(number); i++)
        if (!cursor_take_number(in, &number[i]))
            return false;
    in_link_t *link = in_link(&self->in, name);
    link->epoch = number[0];
    counter_set(&link->admitted, number[1]);
    counter_set(&link->done, number[2]);
    link->owed = number[3];
    link->owed_bytes = number[4];
    link->prompt = number[5] != 0;
    link->again = number[6] != 0;
    return number[1] == number[2]; /* nothing is under way when a state is taken */
}

static bool
take_subscription(port_t *self, cursor_t *in)
{
    char pattern[NAME_ROOM + 1], subscriber[NAME_ROOM + 1];
    if (!cursor_take_list(in, SUBSCRIPTION_VALUES) || !take_name(in, pattern)
        || !take_name(in, subscriber))
        return false;
    subscriptions_add(&self->subscriptions, pattern, subscriber);
    return true;
}

/*  New links are put in front, and the order of the list is that of credit: turn it.  */
static void
reverse_in(port_t *self)
{
    in_link_t *turned = NULL;
    for (in_link_t *link = self->in, *next; link; link = next) {
        next = link->next;
        link->next = turned;
        turned = link;
    }
    self->in = turned;
}

static void
reverse_out(port_t *self)
{
    out_link_t *turned = NULL;
    for (out_link_t *link = self->out, *next; link; link = next) {
        next = link->next;
        link->next = turned;
        turned = link;
    }
    self->out = turned;
}

static bool
take_each(port_t *self, cursor_t *in, bool (*take)(port_t *self, cursor_t *in))
{
    uint64_t n;
    bool good = take_list(in, &n);
    for (uint64_t i = 0; good && i < n; i++)
        good = take(self, in);
    return good;
}

bool
port_take_state(port_t *self, cursor_t *in)
{
    token_t offset;
    if (!cursor_take_list(in, STATE_VALUES) || !cursor_take_number(in, &self->epoch)
        || !cursor_next(in, &offset) || offset.kind != TOKEN_INT)
        return false;
    self->wall_offset_ms = offset.integer;
    bool good = take_each(self, in, take_out) && take_each(self, in, take_in)
                && take_each(self, in, take_subscription);
    reverse_out(self);
    reverse_in(self);
    return good;
}
