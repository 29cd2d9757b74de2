// Package rehearsal is the simulated world that a run can be practised in: scenarios (a starting world, its faults, what
// a good operator does), the clock they run by, and the process that serves them. It is the only product package that
// knows the simulators.
package rehearsal
