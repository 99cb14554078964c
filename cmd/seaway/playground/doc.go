// Package playground keeps a fleet running for a person: `seaway playground up` starts one in the
// background, prints how to reach it, and leaves it to be used and broken until `down`.
//
// A fleet lives as long as the process that holds it, so a supervisor process does: it starts the
// fleet, puts on it what Options.Install says, opens ports on loopback and takes orders on a unix
// socket in the state folder. The other commands are its clients. What runs on the fleet is not this
// package's business.
package playground
