#include "calibration/engine_points.h"
#include "tests/fuzz/read_bytes.h"

// Rows of tokenfab engine measure.
void tokenfab::fuzz::read_bytes(const std::string& path) {
  static const Catalog catalog = Catalog::standard();
  calibration::read_engine_measurements(path, "l4", catalog);
}
