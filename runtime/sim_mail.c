#include "runtime/sim_mail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct packet {
    letter_t letter; /* first: what the receiver holds */
    blob_t *payload;
    uint64_t at_ns;
    size_t header_size;
    uint8_t header[ENVELOPE_ROOM];
    struct packet *next;
} packet_t;

typedef struct box {
    void *reader;
    void (*deliver)(void *reader, channel_t *channel);
    size_t waiting; /* packets in all channels */
} box_t;

struct channel {
    mail_t *mail;
    box_t *box;
    lane_t lane;
    packet_t *first, *last; /* only the first can be due: nothing overtakes */
};

struct mail {
    world_t *world;
    size_t n;
    box_t *boxes;
    channel_t *channels; /* by receiver, sender, lane */
};

static channel_t *
channel_at(const mail_t *self, route_t route)
{
    return &self->channels[(route.to * self->n + route.from) * LANE_COUNT + route.lane];
}

mail_t *
mail_new(world_t *world, size_t n_boxes)
{
    mail_t *self = mem_new(sizeof *self);
    self->world = world;
    self->n = n_boxes;
    self->boxes = mem_new(n_boxes * sizeof *self->boxes);
    self->channels = mem_new(n_boxes * n_boxes * LANE_COUNT * sizeof *self->channels);
    for (size_t to = 0; to < n_boxes; to++)
        for (size_t i = 0; i < n_boxes * LANE_COUNT; i++)
            self->channels[to * n_boxes * LANE_COUNT + i] = (channel_t){
                .mail = self,
                .box = &self->boxes[to],
                .lane = (lane_t) (i % LANE_COUNT),
            };
    return self;
}

static void
packet_release(letter_t *letter)
{
    packet_t *self = (packet_t *) letter;
    blob_unref(&self->payload);
    free(self);
}

static packet_t *
channel_pop(channel_t *self)
{
    packet_t *packet = self->first;
    self->first = packet->next;
    if (self->first == NULL)
        self->last = NULL;
    packet->next = NULL;
    self->box->waiting--;
    return packet;
}

void
mail_destroy(mail_t **self_p)
{
    mail_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n * self->n * LANE_COUNT; i++)
        while (self->channels[i].first)
            packet_release(&channel_pop(&self->channels[i])->letter);
    free(self->channels);
    free(self->boxes);
    free(self);
    *self_p = NULL;
}

void
mail_reader(mail_t *self, size_t box, void *reader,
            void (*deliver)(void *reader, channel_t *channel))
{
    self->boxes[box].reader = reader;
    self->boxes[box].deliver = deliver;
}

/*  -------------------------------------------------------------------------- sending  */

static void
channel_push(channel_t *self, bytes_t header, blob_t *payload)
{
    assert(header.size <= ENVELOPE_ROOM);
    world_t *world = self->mail->world;
    packet_t *packet = mem_new(sizeof *packet);
    packet->at_ns = world_later(world, world->faults.bus_delay_ms);
    packet->payload = payload ? blob_ref(payload) : NULL;
    packet->header_size = header.size;
    memcpy(packet->header, header.data, header.size);
    if (self->last)
        self->last->next = packet;
    else
        self->first = packet;
    self->last = packet;
    self->box->waiting++;
}

void
mail_post(mail_t *self, route_t route, bytes_t header, blob_t *payload)
{
    channel_push(channel_at(self, route), header, payload);
}

void
channel_repeat(channel_t *self)
{
    channel_push(self, (bytes_t){self->first->header, self->first->header_size},
                 self->first->payload);
}

/*  ------------------------------------------------------------------------ receiving  */

static void
run_channel(void *subject)
{
    channel_t *self = subject;
    self->box->deliver(self->box->reader, self);
}

static bool
may_read(const channel_t *self, bool wants_lo)
{
    return self->first && (self->lane == LANE_hi || wants_lo);
}

void
mail_agenda(mail_t *self, size_t box, bool wants_lo, agenda_t *agenda)
{
    if (self->boxes[box].waiting == 0)
        return;
    channel_t *channels = channel_at(self, (route_t){.to = box});
    for (size_t i = 0; i < self->n * LANE_COUNT; i++)
        if (may_read(&channels[i], wants_lo))
            agenda_add(agenda, channels[i].first->at_ns, run_channel, &channels[i]);
}

bool
mail_waiting(const mail_t *self, size_t box, bool wants_lo)
{
    if (self->boxes[box].waiting == 0)
        return false;
    const channel_t *channels = channel_at(self, (route_t){.to = box});
    for (size_t i = 0; i < self->n * LANE_COUNT; i++)
        if (may_read(&channels[i], wants_lo) && channels[i].first->at_ns <= self->world->now_ns)
            return true;
    return false;
}

letter_t *
channel_take(channel_t *self)
{
    packet_t *packet = channel_pop(self);
    letter_t *letter = &packet->letter;
    err_t err = envelope_unpack((bytes_t){packet->header, packet->header_size},
                                &letter->envelope, &letter->names);
    assert(err == OK); /* no stranger sends here */
    (void) err;
    if (packet->payload)
        letter->payload = (bytes_t){packet->payload->data, packet->payload->size};
    letter->release = packet_release;
    return letter;
}

lane_t
channel_lane(const channel_t *self)
{
    return self->lane;
}
