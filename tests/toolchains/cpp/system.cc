// Zig's C++ library has no <fstream> on WASI.
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) std::cout << argv[i] << "\n";
  const char *tea = std::getenv("TEA");
  std::cout << "TEA=" << (tea ? tea : "") << "\n";

  std::FILE *menu = std::fopen("/shop/menu.txt", "r"), *made = std::fopen("/shop/made.txt", "w");
  if (!menu || !made) {
    std::perror("/shop");
    return 1;
  }
  std::string text;
  for (int byte; (byte = std::getc(menu)) != EOF;) text += static_cast<char>(byte);
  std::cout << text;
  for (char &byte : text) byte = std::toupper(byte);
  return std::fwrite(text.data(), 1, text.size(), made) != text.size() || std::fclose(made);
}
