/*  http - the listening side before a connection exists: what a request asks for, and the
    answer to it.  */

#pragma once

#include "runtime/net.h"

struct lws;

/*  Asks the sink about the request that this socket has just received. The answer's texts
    live as long as the sink says. A request whose texts do not fit is answered here.  */
void http_ask(struct lws *socket, const net_sink_t *sink, bool upgrade, net_answer_t *answer);
/*  Sends a whole HTTP answer; the socket is to be closed after it.  */
void http_answer(struct lws *socket, const net_answer_t *answer);
