/* A worker that follows a script instead of its owner: chaos_worker CHANNEL SCRIPT (two descriptors).
 *
 * The script is a row of acts: a letter, the length of what follows in two bytes (little-endian), and that many bytes.
 * As a reference process it is called with options, the channel, and the path of the script.
 *
 * "%T" in a message stands for the token of the last question. See test_fuzz_worker.py for who writes scripts.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int channel;
static char token[64] = "none";
static unsigned char *maps[64];
static size_t sizes[64];
static int mapped;

static void listen_once(void) {
    static char text[1 << 16];
    char room[CMSG_SPACE(200 * sizeof(int))];
    struct iovec part = {text, sizeof text - 1};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    ssize_t size = recvmsg(channel, &head, 0);
    if (size <= 0) _exit(0);
    text[size] = 0;
    sscanf(text, "%*31s %63s", token);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c; c = CMSG_NXTHDR(&head, c)) {
        if (c->cmsg_type != SCM_RIGHTS) continue;
        int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < count && mapped < 64; i++) {
            struct stat about;
            int held;
            memcpy(&held, CMSG_DATA(c) + i * sizeof(int), sizeof held);
            if (fstat(held, &about)) continue;
            void *at = mmap(0, about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0);
            if (at == MAP_FAILED) continue; /* an input: it can only be read */
            maps[mapped] = at;
            sizes[mapped++] = about.st_size;
        }
    }
}

static size_t fill_in(char *room, const char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < size && used < (1 << 17); i++) {
        if (i + 1 < size && text[i] == '%' && text[i + 1] == 'T') {
            used += sprintf(room + used, "%s", token);
            i++;
        } else
            room[used++] = text[i];
    }
    return used;
}

static void say(const char *text, size_t size, int flags, int descriptors) {
    static char room[(1 << 17) + 128];
    char beside[CMSG_SPACE(64 * sizeof(int))] = {0};
    struct iovec part = {room, fill_in(room, text, size)};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors) {
        head.msg_control = beside;
        head.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&head);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        for (int i = 0; i < descriptors; i++) {
            int sent = i % 3 == 0 ? channel : i % 3;
            memcpy(CMSG_DATA(c) + i * sizeof(int), &sent, sizeof sent);
        }
    }
    sendmsg(channel, &head, flags | MSG_NOSIGNAL);
}

int main(int count, char **words) {
    static char script[1 << 18];
    if (count < 3) return 2;
    int plain = count == 3;
    channel = atoi(words[plain ? 1 : count - 2]);
    ssize_t length = pread(plain ? atoi(words[2]) : open(words[count - 1], O_RDONLY), script, sizeof script, 0);
    for (ssize_t at = 0; at + 3 <= length;) {
        char act = script[at];
        size_t size = (unsigned char)script[at + 1] | (unsigned char)script[at + 2] << 8;
        char *text = script + at + 3;
        unsigned first = size ? (unsigned char)text[0] : 0;
        at += 3 + size;
        if (at > length) break;
        switch (act) {
        case 'h': { /* greet as a worker does */
            char hello[32];
            say(hello, sprintf(hello, "hello %d", (int)getpid()), 0, 0);
            break;
        }
        case 'l': listen_once(); break;
        case 's': say(text, size, 0, 0); break;
        case 'd': say(text, size, 0, 1 + first % 60); break;
        case 'f': /* flood */
            for (int i = 0; i < 2000; i++) say(text, size, MSG_DONTWAIT, 0);
            break;
        case 'i': /* drip: one letter a message */
            for (size_t i = 0; i < size && i < 20; i++) {
                say(text + i, 1, MSG_DONTWAIT, 0);
                usleep(500);
            }
            break;
        case 'p':
            for (unsigned i = 0; i <= 16 * first; i++)
                if (write(1, text, size) < 0) break;
            break;
        case 'w': /* scribble over every output */
            for (int i = 0; i < mapped; i++)
                for (size_t j = 0; size && j < sizes[i]; j++) maps[i][j] = (unsigned char)text[j % size];
            break;
        case 'z': usleep(first * 400); break;
        case 'c': close(channel); break;
        case 'x': shutdown(channel, first % 3); break;
        case 'q': _exit((int)first);
        case 'k': kill(getpid(), (int)(first % 65)); break;
        case 'a': /* from here on, answer everything as a worker does */
            for (;;) {
                listen_once();
                say("%T ok", 5, 0, 0);
            }
        }
    }
    return 0;
}
