#pragma once
#include <string>
#include <vector>

#include "reports/infeasible.h"
#include "sim/core/records.h"

namespace tokenfab {

/// One self-contained HTML page for complete runs: no network, charts drawn by the inlined Vega-Lite, every text from
/// the records escaped. Runs of one alternative (and sweep point) are replications: means carry a 95 % confidence
/// interval (Student t), latency sketches are merged, the time series is the first replication's.
std::string render_html(const std::vector<RunRecord>& runs, const std::string& version,
                        const std::vector<InfeasibleAlternative>& refused = {});

/// The page's data: what the charts and tables show.
std::string report_data(const std::vector<RunRecord>& runs, const std::string& version,
                        const std::vector<InfeasibleAlternative>& refused = {});

}  // namespace tokenfab
