/*  waybill/plugin.h - all that a plug-in actor needs.

    A plug-in is a shared object with one symbol, waybill_plugin_v1, which gives a const
    descriptor: who it is, which messages it takes, sends, hears and publishes, which settings
    it has, and its callbacks. It links nothing of Waybill: whatever it does to the world goes
    through the host table that its callbacks are handed.

    The rules are those of every actor:
      * callbacks are called one at a time, in one thread, and never wait: the answer to
        a request is another callback. What must wait belongs to a descriptor that the host
   watches.
      * messages come one by one; then settle() is called, and when it has returned
        WAYBILL_OK they are done: the sender has its credit, and they never come again. A
        plug-in with a file or a database commits there.
      * what fails (WAYBILL_FAILED) is stopped and started again with a zeroed state, and gets
   the messages that were not done once more, attempt + 1. The same holds when the process of an
        isolated plug-in dies, whoever killed it. So an effect outside must be made together
   with the id of its message, or be one that may happen twice.
      * time, chance and ids come from the host, so that a recording can be replayed.

    A plug-in runs as a thread of the agent or server, or in a process of its own: that is one
    word in the config (isolation = "thread" or "process"), and the same file.

    Payloads are msgpack maps, as docs/messages.md lists them; json() and pack() turn them into
    JSON text and back. Texts are UTF-8 and end with NUL. Memory that the host hands over is
    valid until the callback returns; what a plug-in hands over is copied.

    Versions. MAJOR changes when a layout or a meaning changes; then nothing old is loaded.
    MINOR grows when something is added at the end of a struct: an older plug-in runs on a newer
    host. A newer plug-in on an older host is refused. Changes so far: 1.0, the first.  */

#ifndef WAYBILL_PLUGIN_H
#define WAYBILL_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WAYBILL_PLUGIN_MAGIC 0x314c5057u /* "WPL1" */
#define WAYBILL_PLUGIN_MAJOR 1
#define WAYBILL_PLUGIN_MINOR 0

/*  What layouts depend on: size of a pointer, a long and an offset, order of bytes.  */
#define WAYBILL_TEXT_OF(x) #x
#define WAYBILL_TEXT(x) WAYBILL_TEXT_OF(x)
#define WAYBILL_PLUGIN_BUILD                                                                   \
    "p" WAYBILL_TEXT(__SIZEOF_POINTER__) ",l" WAYBILL_TEXT(__SIZEOF_LONG__) ",s" WAYBILL_TEXT( \
        __SIZEOF_SIZE_T__) ",o" WAYBILL_TEXT(__BYTE_ORDER__)

enum {
    WAYBILL_OK = 0,
    WAYBILL_REFUSED = 1, /* this message is refused: its sender is told; see refuse() */
    WAYBILL_FAILED = 2   /* this instance is broken: it is started anew; see fail() */
};

enum { WAYBILL_ERROR, WAYBILL_WARNING, WAYBILL_INFO, WAYBILL_DEBUG };

enum { WAYBILL_READABLE = 1, WAYBILL_WRITABLE = 2 };

enum { WAYBILL_TICKET_SIZE = 128, WAYBILL_UUID_TEXT = 37 };

typedef struct waybill_ctx waybill_ctx_t; /* the host's; handed to each callback */

typedef struct waybill_bytes {
    const void *data;
    size_t size;
} waybill_bytes_t;

/*  A request that is answered later.  */
typedef struct waybill_ticket {
    unsigned char bytes[WAYBILL_TICKET_SIZE];
} waybill_ticket_t;

/*  A message that came in.  */
typedef struct waybill_incoming {
    const char *type;  /* its name; in on_reply "error" if the request was refused */
    const char *kind;  /* command, request, event, reply or error */
    const char *from;  /* actor; "ipc/NAME" for a program that joined */
    const char *id;    /* UUID: the same when it is delivered again */
    const char *trace; /* UUID: root of the tree of messages it belongs to */
    waybill_bytes_t payload;
    unsigned attempt; /* 0 on the first delivery */
    uint64_t token;   /* in on_reply: as given to request() */
} waybill_incoming_t;

/*  What the host does for a plug-in. Functions that give int give WAYBILL_OK, or
   WAYBILL_REFUSED for something that the plug-in never declared or that is not valid; the host
   has logged why. To be called from callbacks only.  */
typedef struct waybill_host {
    uint32_t struct_size; /* of this table: what lies beyond it does not exist */
    uint16_t major;
    uint16_t minor;

    /*  Sends a command or a hint. Without credit it waits inside of the host, and this plug-in
        gets no new messages until it is gone.  */
    int (*send)(waybill_ctx_t *ctx, const char *to, const char *type, waybill_bytes_t payload);
    /*  Asks; the answer, an error too, comes to on_reply with that token. timeout_ms 0: 30 s.
     */
    int (*request)(waybill_ctx_t *ctx, const char *to, const char *type,
                   waybill_bytes_t payload, uint32_t timeout_ms, uint64_t token);
    /*  Answers the request being handled. One that is neither answered nor ticketed nor refused
        when its callback returns gets an error.  */
    int (*reply)(waybill_ctx_t *ctx, const char *type, waybill_bytes_t payload);
    /*  To answer later, exactly once. An instance that fails loses its tickets, and whoever
       holds out for them is told so.  */
    int (*ticket)(waybill_ctx_t *ctx, waybill_ticket_t *ticket);
    int (*answer)(waybill_ctx_t *ctx, const waybill_ticket_t *ticket, const char *type,
                  waybill_bytes_t payload);
    /*  code: an error name of docs/messages.md, as "REFUSED".  */
    int (*answer_error)(waybill_ctx_t *ctx, const waybill_ticket_t *ticket, const char *code,
                        const char *text);
    /*  Publishes an event to whoever hears it.  */
    int (*publish)(waybill_ctx_t *ctx, const char *type, waybill_bytes_t payload);
    /*  Messages that would go there now without waiting.  */
    uint32_t (*credit)(waybill_ctx_t *ctx, const char *to);

    /*  Why the callback returns WAYBILL_REFUSED or WAYBILL_FAILED; gives that value back.  */
    int (*refuse)(waybill_ctx_t *ctx, const char *code, const char *text);
    int (*fail)(waybill_ctx_t *ctx, const char *why);

    uint64_t (*now_ms)(waybill_ctx_t *ctx); /* monotonic */
    int64_t (*wall_ms)(waybill_ctx_t *ctx); /* since 1970; may jump */
    uint64_t (*random)(waybill_ctx_t *ctx);
    void (*uuid)(waybill_ctx_t *ctx, char text[WAYBILL_UUID_TEXT]);

    /*  Calls on_timer once, after ms. The same timer again: it is moved.  */
    int (*after)(waybill_ctx_t *ctx, uint64_t timer, uint64_t ms);
    int (*cancel)(waybill_ctx_t *ctx, uint64_t timer);
    /*  Calls on_fd while fd is so (a set of WAYBILL_READABLE, WAYBILL_WRITABLE); 0: no more. fd
        stays the plug-in's.  */
    int (*watch)(waybill_ctx_t *ctx, int fd, int events);

    /*  Value of a declared setting, as text: from the config, else its preset. Lives as long as
       the instance.  */
    const char *(*setting)(waybill_ctx_t *ctx, const char *name);
    /*  One line for the log.  */
    void (*log)(waybill_ctx_t *ctx, int level, const char *text);

    /*  A payload of that type as one line of JSON; NULL if it does not fit the type, or, in a
        process of its own, makes more than twice WAYBILL_MOST_PAYLOAD.  */
    const char *(*json)(waybill_ctx_t *ctx, const char *type, waybill_bytes_t payload);
    /*  The payload that such JSON says, checked against the type; data NULL if it does not fit.
     */
    waybill_bytes_t (*pack)(waybill_ctx_t *ctx, const char *type, const char *json);
} waybill_host_t;

/*  What a plug-in says and takes. Anything else is refused, in both directions.  */
enum {
    WAYBILL_TAKES = 1, /* commands and requests sent to it */
    WAYBILL_HEARS,     /* events; type may be a pattern: `*` ends a prefix */
    WAYBILL_SENDS,     /* commands, hints and requests that it sends to the actor `to` */
    WAYBILL_PUBLISHES, /* events */
    WAYBILL_ANSWERS    /* replies to what it takes; those to what it sends need no row */
};

/*  What a message of its own is, which docs/messages.md does not know.  */
enum { WAYBILL_KNOWN, WAYBILL_COMMAND, WAYBILL_REQUEST, WAYBILL_REPLY, WAYBILL_EVENT };

/*  Most rows of a table, and bytes of a text in it or in the descriptor.  */
enum { WAYBILL_MOST_MESSAGES = 128, WAYBILL_MOST_SETTINGS = 64, WAYBILL_MOST_TEXT = 1000 };
enum { WAYBILL_MOST_NAME = 48, WAYBILL_MOST_STATE = 16 << 20, WAYBILL_MOST_FDS = 60 };
enum { WAYBILL_MOST_PAYLOAD = 8 << 20 };

typedef struct waybill_message {
    int way;          /* WAYBILL_TAKES, ... */
    const char *type; /* name of the message: a-z, 0-9, _ */
    const char *to;   /* WAYBILL_SENDS: actor; NULL: any */
    int kind;         /* WAYBILL_KNOWN, or what its own message is */
    const char *summary;
} waybill_message_t;

enum { WAYBILL_TEXT_SETTING, WAYBILL_NUMBER_SETTING, WAYBILL_FLAG_SETTING };

typedef struct waybill_setting {
    const char *name;   /* a-z, 0-9, _ */
    int type;           /* WAYBILL_TEXT_SETTING, ... */
    const char *preset; /* NULL: it must be given; of a flag true or false */
    const char *summary;
} waybill_setting_t;

typedef struct waybill_plugin {
    uint32_t magic;       /* WAYBILL_PLUGIN_MAGIC; these five never move */
    uint16_t major;       /* WAYBILL_PLUGIN_MAJOR */
    uint16_t minor;       /* WAYBILL_PLUGIN_MINOR */
    uint32_t struct_size; /* sizeof(waybill_plugin_t) */
    const char *build;    /* WAYBILL_PLUGIN_BUILD */

    const char *name; /* what it calls itself: a-z, 0-9, - */
    const char *version;
    const char *summary;               /* one line */
    const waybill_message_t *messages; /* ends with {0} */
    const waybill_setting_t *settings; /* ends with {0}; NULL: none */
    size_t state_size;                 /* bytes of its state, zeroed before start */

    /*  All but start may be NULL.  */
    int (*start)(void *state, waybill_ctx_t *ctx, const waybill_host_t *host);
    int (*on_message)(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message);
    int (*on_reply)(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *reply);
    int (*on_timer)(void *state, waybill_ctx_t *ctx, uint64_t timer);
    int (*on_fd)(void *state, waybill_ctx_t *ctx, int fd, int events);
    int (*settle)(void *state, waybill_ctx_t *ctx);
    int (*drain)(void *state, waybill_ctx_t *ctx); /* finish what you hold; nothing new comes */
    /*  Gives everything back; sends nothing. Also after a failed start.  */
    void (*stop)(void *state, waybill_ctx_t *ctx);
} waybill_plugin_t;

/*  What the shared object exports. NULL: it does not want to run on that host.  */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor);

#ifdef __cplusplus
}
#endif

#endif
