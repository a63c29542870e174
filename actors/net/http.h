/*  http - the listening side before a connection exists: what a request asks for, and the
    answer to it.  */

#pragma once

#include "runtime/net.h"

struct lws;

/*  Asks the sink about the request that this socket has just received: a plain one has a
    conn, an upgrade has none. The answer's texts live as long as the sink says. A request whose
    texts do not fit is answered here.  */
void http_ask(struct lws *socket, const net_sink_t *sink, conn_t conn, net_answer_t *answer);
/*  Sends a whole HTTP answer; the socket is to be closed after it.  */
void http_answer(struct lws *socket, const net_answer_t *answer);
/*  The same in two steps: fills out, and sends that when the socket can be written.  */
void http_pack(struct lws *socket, const net_answer_t *answer, buffer_t *out);
void http_send(struct lws *socket, buffer_t *packed);
