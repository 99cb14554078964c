// Package netspace makes named network namespaces and joins them by a bridge: a handful of machines
// on one switch, inside one machine. A namespace can dial, listen and run processes; its link can be
// cut or slowed and its traffic filtered.
//
// Namespaces are bound under /run/netns, so `ip netns exec NAME` works for a person. Everything goes
// through netlink and nftables directly; no command of iproute2 or iptables is run. The package needs
// CAP_SYS_ADMIN and CAP_NET_ADMIN in its user namespace, and Linux.
//
// It knows nothing of Kubernetes or of fleets.
package netspace
