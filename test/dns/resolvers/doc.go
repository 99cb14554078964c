// Package resolvers tests the DNS server through the recursive resolvers of the distribution, Unbound and
// BIND, which find it as they find any other: from a root of our own, by the delegation in a parent zone.
// Everything runs in one network namespace that each test makes, on port 53 and on addresses that mean
// places.
package resolvers
