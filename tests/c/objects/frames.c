/* Has tables for unwinding. */
int framed(int n);
int framed(int n) {
    char room[64];
    for (int i = 0; i < 64; i++)
        room[i] = (char)(n + i);
    return room[n & 63];
}
