#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

int main(int argc, char **) {
  std::set_terminate([] {
    std::fputs("out of tea\n", stderr);
    std::abort();
  });
  if (argc > 0) std::terminate();
}
