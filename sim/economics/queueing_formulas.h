#pragma once

// M/M/c in closed form. `load` is offered work, arrival rate x service time, in servers.
namespace tokenfab {

/// Share of arrivals lost where nobody waits (Erlang B). servers >= 0, load >= 0.
double erlang_b(int servers, double load);
/// Share of arrivals that wait (Erlang C); 1 where load >= servers. servers >= 1.
double erlang_c(int servers, double load);
/// Mean wait before service in service times: C(c, R) / (c - R); infinity where load >= servers.
double erlang_c_wait(int servers, double load);
/// Erlang C in the limit of many servers at c = R + beta sqrt(R) (Halfin and Whitt 1981): 1 / (1 + beta Phi / phi).
double halfin_whitt(double beta);
/// Square-root staffing: R + beta sqrt(R), not rounded.
double square_root_staffing(double load, double beta);
/// The fewest servers with which at most `share` of arrivals wait; 0 < share <= 1.
int servers_for_wait_share(double load, double share);

}  // namespace tokenfab
