#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) puts(argv[i]);
  const char *tea = getenv("TEA");
  printf("TEA=%s\n", tea ? tea : "");

  FILE *menu = fopen("/shop/menu.txt", "r"), *made = fopen("/shop/made.txt", "w");
  if (!menu || !made) {
    perror("/shop");
    return 1;
  }
  for (int byte; (byte = getc(menu)) != EOF;) {
    putchar(byte);
    putc(toupper(byte), made);
  }
  return fclose(made);
}
