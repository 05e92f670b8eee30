// A kernel that speaks on every socket it finds: what it does is drawn from its seed. It computes nothing.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t state;

static unsigned draw() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return unsigned(state >> 33);
}

extern "C" void kernel(const float* x, float* out, int64_t n, int64_t seed) {
    state = uint64_t(seed);
    static char text[1 << 17];
    for (int act = 0, acts = 1 + draw() % 4; act < acts; ++act) {
        unsigned size = draw() % 3 ? draw() % 40 : draw() % sizeof text;
        for (unsigned i = 0; i < size; ++i) text[i] = char(draw());
        const char* known[] = {"ok", "0000000000000000 ok", "hello 2", "failed load_error x", ""};
        unsigned choice = draw() % 10;
        if (choice < 5) std::strcpy(text, known[choice]), size = unsigned(std::strlen(text));
        for (int descriptor = 0; descriptor < 300; ++descriptor) {
            int kind;
            socklen_t length = sizeof kind;
            if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &length)) continue;
            for (unsigned i = 0, times = draw() % 8 ? 1 : 400; i < times; ++i)
                send(descriptor, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (draw() % 8 == 0) close(descriptor);
            if (draw() % 8 == 0) shutdown(descriptor, int(draw() % 3));
        }
        if (draw() % 4 == 0) fwrite(text, 1, size, stdout), fflush(stdout);
        if (draw() % 16 == 0) _exit(int(draw() % 256));
        if (draw() % 16 == 0) *(volatile int*)0 = 1;
        if (draw() % 16 == 0)
            for (;;) usleep(1000);
        if (draw() % 3 == 0) std::memset(out, int(draw()), size_t(n) * sizeof(float));
    }
}
