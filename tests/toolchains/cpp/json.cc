// Reads {"name": ..., "prices": [...]}, as far as that needs no library, and writes {"name": ..., "sum": ...}.
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

int main() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  std::size_t name = text.find("\"name\""), prices = text.find('[');
  if (name == text.npos || prices == text.npos) return 1;

  name = text.find('"', name + 6) + 1;
  std::istringstream numbers(text.substr(prices + 1));
  double sum = 0, price;
  for (char comma; numbers >> price; numbers >> comma) sum += price;
  std::cout << "{\"name\":\"" << text.substr(name, text.find('"', name) - name) << "\",\"sum\":" << sum << "}\n";
}
