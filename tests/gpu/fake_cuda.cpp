// A driver of a GPU that is none: "libcuda.so.1" on the host's memory, for tests of everything around a kernel.
//
// A module is a shared object for the host that runs blocks one after another (cuda_on_cpu.h). As on a GPU, launches, sets
// and copies on a stream wait in a queue until somebody synchronises, arguments are copied when a launch is made, and a
// kernel that touches what is not mapped loses the context for good. FAKE_CUDA_LOG names a file that gets a line a call,
// FAKE_CUDA_EVENTS makes events tell "nothing" or "more" than there was, FAKE_CUDA_DEVICES says how many devices there are,
// FAKE_CUDA_MEMORY how many bytes each has, FAKE_CUDA_ZEROS is "slow" where zeros take 20 ms.
#include <dlfcn.h>
#include <elf.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

using Status = int;
using Address = uint64_t;

namespace {

constexpr Status LOST = 700;

struct Function {
    void (*run)(void**, const unsigned*, const unsigned*);
    int arguments;
    unsigned allowed;
    std::string name;
};
struct Event {
    double ns;
};
using Work = std::function<void()>;
struct Graph {
    std::vector<Work> work;
};

std::vector<Work> queue;
Graph* captured = nullptr;
Status lost = 0;
size_t used = 0;
std::map<Address, size_t> allocated;
sigjmp_buf back;

void note(const char* what, uint64_t first = 0, uint64_t second = 0) {
    const char* path = getenv("FAKE_CUDA_LOG");
    if (!path) return;
    FILE* file = fopen(path, "a");
    fprintf(file, "%s %llu %llu\n", what, (unsigned long long)first, (unsigned long long)second);
    fclose(file);
}
const char* setting(const char* name) {
    const char* found = getenv(name);
    return found ? found : "";
}
size_t memory() {
    const char* told = setting("FAKE_CUDA_MEMORY");
    return told[0] ? atoll(told) : size_t(1) << 28;
}
double now() {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
void crashed(int) { siglongjmp(back, 1); }

void put(Work work) {
    if (captured)
        captured->work.push_back(std::move(work));
    else
        queue.push_back(std::move(work));
}
Status drain() {
    struct sigaction action = {}, before;
    action.sa_handler = crashed;
    action.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &action, &before);
    if (sigsetjmp(back, 1)) {
        lost = LOST;
    } else {
        for (size_t i = 0; !lost && i < queue.size(); ++i) queue[i]();
    }
    sigaction(SIGSEGV, &before, nullptr);
    queue.clear();
    return lost;
}

}  // namespace

extern "C" {

Status cuInit(unsigned) { return atoi(setting("FAKE_CUDA_DEVICES")[0] ? setting("FAKE_CUDA_DEVICES") : "1") ? 0 : 100; }
Status cuGetErrorName(Status status, const char** name) {
    static const std::map<Status, const char*> names = {
        {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},    {100, "CUDA_ERROR_NO_DEVICE"},
        {200, "CUDA_ERROR_INVALID_IMAGE"}, {500, "CUDA_ERROR_NOT_FOUND"}, {LOST, "CUDA_ERROR_ILLEGAL_ADDRESS"}};
    *name = names.count(status) ? names.at(status) : "CUDA_ERROR_UNKNOWN";
    return 0;
}
Status cuDriverGetVersion(int* version) { return *version = 13000, 0; }
Status cuDeviceGetCount(int* count) {
    *count = setting("FAKE_CUDA_DEVICES")[0] ? atoi(setting("FAKE_CUDA_DEVICES")) : 1;
    return 0;
}
Status cuDeviceGet(int* device, int index) { return *device = index, 0; }
Status cuDeviceGetName(char* name, int size, int device) { return snprintf(name, size, "Fake GPU %d", device), 0; }
Status cuDeviceGetUuid_v2(char* uuid, int device) { return memset(uuid, 7 + device, 16), 0; }
Status cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = memory(), 0; }
Status cuDeviceGetAttribute(int* value, int which, int) {
    static const std::map<int, int> known = {{75, 9}, {76, 0}, {16, 4}, {13, 1000000}, {38, 1 << 20}, {97, 232448}, {88, 0}};
    *value = known.count(which) ? known.at(which) : -1;
    return 0;
}
Status cuDevicePrimaryCtxRetain(void** context, int) { return *context = &lost, 0; }
Status cuCtxSetCurrent(void*) { return 0; }
Status cuCtxSynchronize() {
    note("synchronize");
    return drain();
}

Status cuMemAlloc_v2(Address* address, size_t bytes) {
    if (lost) return lost;
    if (bytes + used > memory()) return 2;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *address = (Address)memory;
    allocated[*address] = bytes;
    used += bytes;
    return 0;
}
Status cuMemFree_v2(Address address) {
    if (drain()) return lost;
    munmap((void*)address, allocated[address]);
    used -= allocated[address];
    allocated.erase(address);
    return 0;
}
Status cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes) {
    note("upload", bytes);
    if (drain()) return lost;
    return memcpy((void*)to, from, bytes), 0;
}
Status cuMemcpyDtoH_v2(void* to, Address from, size_t bytes) {
    note("download", bytes);
    if (drain()) return lost;
    return memcpy(to, (void*)from, bytes), 0;
}
Status cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void*) {
    put([=] { memcpy((void*)to, (void*)from, bytes); });
    return lost;
}
Status cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void*) {
    note(value ? "clear" : "zero", bytes);
    const bool slow = std::string(setting("FAKE_CUDA_ZEROS")) == "slow";
    if (!value) {  // nobody reads what else is written: the time is saved
        put([=] {
            memset((void*)to, 0, bytes);
            if (slow) usleep(20000);
        });
    }
    return lost;
}

Status cuModuleLoadData(void** module, const void* image) {
    const auto* head = (const Elf64_Ehdr*)image;
    if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return 200;
    const int file = memfd_create("module", 0);
    const size_t size = head->e_shoff + size_t(head->e_shnum) * head->e_shentsize;
    if (write(file, image, size) != (ssize_t)size) return 2;
    *module = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
    close(file);
    return *module ? 0 : 200;
}
Status cuModuleGetFunction(void** function, void* module, const char* name) {
    void* run = dlsym(module, ("run_" + std::string(name)).c_str());
    const int* count = (const int*)dlsym(module, ("count_" + std::string(name)).c_str());
    if (!run || !count) return 500;
    *function = new Function{(void (*)(void**, const unsigned*, const unsigned*))run, *count, 48 << 10, name};
    return 0;
}
Status cuFuncSetAttribute(Function* function, int which, int value) {
    if (which == 8) function->allowed = value;
    return 0;
}
Status cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void*, void** arguments, void**) {
    if (lost) return lost;
    if (gx * gy * gz == 0 || bx * by * bz == 0 || bx * by * bz > 1024 || shared > function->allowed) return 1;
    note("launch", gx * gy * gz, bx * by * bz);
    std::vector<uint64_t> values(function->arguments);
    for (int i = 0; i < function->arguments; ++i) memcpy(&values[i], arguments[i], 8);
    put([=]() mutable {
        std::vector<void*> places;
        for (auto& value : values) places.push_back(&value);
        const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
        function->run(places.data(), grid, block);
    });
    return 0;
}

Status cuEventCreate(Event** event, unsigned) { return *event = new Event{}, 0; }
Status cuEventRecord(Event* event, void*) {
    put([=] { event->ns = now(); });
    return lost;
}
Status cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
    const std::string told = setting("FAKE_CUDA_EVENTS");
    *milliseconds = told == "nothing" ? 0 : (to->ns - from->ns) / 1e6 + (told == "more" ? 50 : 0);
    return lost;
}
Status cuStreamCreate(void** stream, unsigned) { return *stream = &queue, 0; }
Status cuStreamBeginCapture_v2(void*, int) { return captured = new Graph, 0; }
Status cuStreamEndCapture(void*, Graph** graph) {
    *graph = captured;
    captured = nullptr;
    return 0;
}
Status cuGraphInstantiateWithFlags(Graph** ready, Graph* graph, uint64_t) { return *ready = new Graph(*graph), 0; }
Status cuGraphDestroy(Graph* graph) {
    delete graph;
    return 0;
}
Status cuGraphLaunch(Graph* graph, void*) {
    note("replay", graph->work.size());
    for (auto& work : graph->work) queue.push_back(work);
    return lost;
}

}  // extern "C"
