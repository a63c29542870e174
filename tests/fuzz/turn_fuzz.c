/*  Frames from the process of a plug-in, whose memory is the plug-in's.  */

#include "runtime/plugin_frames.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pipe_frame_t frame = {0};
    /* A copy of its own: one byte behind it is a fault. */
    uint8_t *copy = malloc(size ? size : 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    if (pipe_frame_unpack((bytes_t){copy, size}, &frame) == OK) {
        size_t all = 0;
        for (size_t i = 0; i < FRAME_TEXTS; i++)
            all += frame.texts[i] ? strlen(frame.texts[i]) : 0;
        for (size_t i = 0; i < FRAME_BLOBS; i++)
            all += frame.blobs[i].size + (frame.blobs[i].data[frame.blobs[i].size] != 0);
        if (all > size)
            abort();
    }
    free(copy);
    return 0;
}
