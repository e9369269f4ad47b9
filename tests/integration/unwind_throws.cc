// One of two objects that share a C++ library: throws, and lets pass. Without headers, which would
// be those of another C++ library.
struct __attribute__((visibility("default"))) Base {
    int n;
    virtual ~Base();
};
struct __attribute__((visibility("default"))) Derived : Base {
    ~Derived() override;
};
Base::~Base() {
}
Derived::~Derived() {
}

int unwound;

extern "C" void throw_number(int n) {
    throw n;
}

extern "C" void throw_object(int n) {
    Derived thrown;
    thrown.n = n;
    throw thrown;
}

extern "C" void pass(void (*function)(int), int n) {
    struct Guard {
        ~Guard() {
            __atomic_fetch_add(&unwound, 1, __ATOMIC_RELAXED);
        }
    } guard;
    function(n);
}

extern "C" int unwound_so_far() {
    return unwound;
}
