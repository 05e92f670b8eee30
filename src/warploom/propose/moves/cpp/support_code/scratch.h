#ifndef WARPLOOM_SCRATCH
#define WARPLOOM_SCRATCH
// Room for `count` floats, aligned to 64 bytes, given back at the end of the scope.
struct Scratch {
  void* memory;
  explicit Scratch(long count) : memory(__builtin_malloc((unsigned long)(count > 0 ? count : 0) * 4 + 64)) {
    if (!memory) __builtin_trap();
  }
  ~Scratch() { __builtin_free(memory); }
  Scratch(const Scratch&) = delete;
};
static inline __attribute__((always_inline, unused)) float* scratch_floats(const Scratch& held) {
  return (float*)(((unsigned long)held.memory + 63) & ~63ul);
}
#endif
