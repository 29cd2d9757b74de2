// Package stories holds no code: its tests press keys on the wizard while a real engine runs the restore path over a
// simulated cluster, one story for each scenario. Time is that of a bubble, so an hour of waiting takes milliseconds.
package stories
