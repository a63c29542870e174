/*  bad_server - a server that says what a test wants.  */

#pragma once

#include "schemas/base.h"

/*  Gives a socket that listens at a port of its own; who waits there waits a minute at most. */
int bad_server_listen(int *port);
/*  Reads the head of a request, into a text.  */
void bad_server_read(int fd, char *head, size_t room);
/*  Answers the upgrade that was asked for.  */
void bad_server_accept(int fd, const char *request);
/*  Frames of msgpack for messages in JSON, a line each.  */
void bad_server_add(buffer_t *out, const char *lines, size_t size);
