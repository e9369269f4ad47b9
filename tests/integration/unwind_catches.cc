// The other: catches what comes from there by value, by base class, and not knowing what it is.
struct __attribute__((visibility("default"))) Base {
    int n;
    virtual ~Base();
};
extern "C" void throw_number(int n);
extern "C" void throw_object(int n);
extern "C" void pass(void (*function)(int), int n);

extern "C" int catch_all(int n) {
    int sum = 0;
    try {
        pass(throw_number, n);
    } catch (int caught) {
        sum += caught;
    }
    try {
        pass(throw_object, 10 * n);
    } catch (const Base &caught) {
        sum += caught.n;
    }
    try {
        try {
            pass(throw_number, 100 * n);
        } catch (...) {
            throw;
        }
    } catch (int caught) {
        sum += caught;
    }
    return sum;
}
