#include "bus/bundle.h"

#include <string.h>

/*  ThreadSanitizer does not see that a socket orders what its two ends do with a frame. gcc
    and clang each have their own word for "it is on".  */
#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define FRAME_LEAVES(frame) __tsan_release(zmq_msg_data(frame))
#define FRAME_ARRIVED(frame) __tsan_acquire(zmq_msg_data(frame))
#else
#define FRAME_LEAVES(frame) ((void) (frame))
#define FRAME_ARRIVED(frame) ((void) (frame))
#endif

/*  In front of each header; both ends are one process, so the machine's byte order does.  */
typedef struct sizes {
    uint16_t header;
    uint32_t payload;
} __attribute__((packed)) sizes_t;

/*  ---------------------------------------------------------------------- leaving  */

static bool
send_frame(void *push, zmq_msg_t *frame, int flags)
{
    FRAME_LEAVES(frame);
    if (zmq_msg_send(frame, push, flags | ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

static bool
send_copy(void *push, const buffer_t *bytes, int flags)
{
    zmq_msg_t frame;
    zmq_msg_init_size(&frame, bytes->size);
    if (bytes->size > 0)
        memcpy(zmq_msg_data(&frame), bytes->data, bytes->size);
    return send_frame(push, &frame, flags);
}

static void
add_header(bundle_t *self, bytes_t header, size_t payload_size)
{
    sizes_t sizes = {(uint16_t) header.size, (uint32_t) payload_size};
    buffer_add(&self->headers, &sizes, sizeof sizes);
    buffer_add(&self->headers, header.data, header.size);
    self->n++;
}

static void
clear(bundle_t *self)
{
    buffer_clear(&self->headers);
    buffer_clear(&self->payloads);
    self->n = 0;
}

void
bundle_add(bundle_t *self, bytes_t header, const blob_t *payload)
{
    add_header(self, header, payload ? payload->size : 0);
    if (payload)
        buffer_add(&self->payloads, payload->data, payload->size);
}

bool
bundle_send(bundle_t *self, void *push)
{
    bool sent = self->n == 0
                || (send_copy(push, &self->headers, ZMQ_SNDMORE)
                    && send_copy(push, &self->payloads, 0));
    clear(self);
    return sent;
}

bool
bundle_send_alone(bundle_t *self, void *push, bytes_t header, blob_t *payload)
{
    if (!bundle_send(self, push))
        return false;
    add_header(self, header, payload->size);
    bool sent = send_copy(push, &self->headers, ZMQ_SNDMORE);
    clear(self);
    if (!sent)
        return false;
    zmq_msg_t frame;
    zmq_msg_init_data(&frame, payload->data, payload->size, blob_free, blob_ref(payload));
    return send_frame(push, &frame, 0);
}

void
bundle_release(bundle_t *self)
{
    buffer_release(&self->headers);
    buffer_release(&self->payloads);
    self->n = 0;
}

/*  --------------------------------------------------------------------- arriving  */

void
arrival_open(arrival_t *self)
{
    self->refs = 1;
    self->header_at = self->payload_at = 0;
    zmq_msg_init(&self->headers);
    zmq_msg_init(&self->payloads);
}

void
arrival_close(arrival_t *self)
{
    zmq_msg_close(&self->headers);
    zmq_msg_close(&self->payloads);
}

/*  Takes frames behind the second off the socket. True if there were any.  */
static bool
skip_surplus(void *pull, zmq_msg_t *last)
{
    bool surplus = false;
    zmq_msg_t extra;
    zmq_msg_init(&extra);
    for (bool more = zmq_msg_more(last); more; more = zmq_msg_more(&extra)) {
        surplus = true;
        if (zmq_msg_recv(&extra, pull, ZMQ_DONTWAIT) < 0)
            break;
    }
    zmq_msg_close(&extra);
    return surplus;
}

bool
arrival_receive(arrival_t *self, void *pull, bool *whole)
{
    *whole = false;
    if (zmq_msg_recv(&self->headers, pull, ZMQ_DONTWAIT) < 0)
        return false;
    FRAME_ARRIVED(&self->headers);
    if (!zmq_msg_more(&self->headers) || zmq_msg_recv(&self->payloads, pull, ZMQ_DONTWAIT) < 0)
        return true;
    FRAME_ARRIVED(&self->payloads);
    *whole = !skip_surplus(pull, &self->payloads);
    return true;
}

bool
arrival_is_read(arrival_t *self)
{
    return self->header_at >= zmq_msg_size(&self->headers);
}

static bytes_t
rest(zmq_msg_t *frame, size_t at)
{
    return (bytes_t){(const uint8_t *) zmq_msg_data(frame) + at, zmq_msg_size(frame) - at};
}

bool
arrival_next(arrival_t *self, bytes_t *header, bytes_t *payload)
{
    sizes_t sizes;
    *header = rest(&self->headers, self->header_at);
    *payload = rest(&self->payloads, self->payload_at);
    self->header_at += header->size; /* given up, unless its sizes make sense */
    if (header->size < sizeof sizes)
        return false;
    memcpy(&sizes, header->data, sizeof sizes);
    if (sizes.header > header->size - sizeof sizes || sizes.payload > payload->size)
        return false;
    self->header_at -= header->size - sizeof sizes - sizes.header;
    self->payload_at += sizes.payload;
    *header = (bytes_t){header->data + sizeof sizes, sizes.header};
    payload->size = sizes.payload;
    return true;
}
