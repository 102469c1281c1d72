use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

use super::*;

/// As a kernel printed it: two that listen, one connection to each, and one that waits to be forgotten.
const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41203 1 0000000000000000 100 0 0 10 0                     
   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41204 1 0000000000000000 100 0 0 10 0                     
   2: 0100007F:1F90 0100007F:C3D2 01 00000000:00000000 00:00000000 00000000     0        0 41310 1 0000000000000000 20 4 30 10 -1                    
   3: 0100007F:C3D2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 41309 1 0000000000000000 20 4 30 10 -1                    
   4: 0100007F:1F91 0100007F:1F90 06 00000000:00000000 03:00000FA3 00000000     0        0 0 3 0000000000000000                                      
";

const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:11F9 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52002 1 0000000000000000 100 0 0 10 0
";

#[test]
fn only_sockets_that_listen_on_the_port_count() {
    assert_eq!(listening_inodes(TCP, 8080), [41203]);
    assert_eq!(listening_inodes(TCP, 443), [41204]);
    assert_eq!(listening_inodes(TCP6, 8080), [52001]);
    // Another end of another port's digits, the far end of a connection, and a socket that is gone.
    for port in [0, 1, 0xf90, 0xf9, 0x11f9, 0xc3d2, 8081] {
        assert_eq!(listening_inodes(TCP, port), [0; 0], "{port}");
    }
}

#[test]
fn a_table_that_is_none_has_no_sockets() {
    for table in [
        "",
        "\n\n",
        "sl\n 0:\n 0: A:1F90\n 0: A:1F90 B:0 0A",
        "sl\n0: A:1F90 B:0 0A 5 6 7 8 9 x",
    ] {
        assert_eq!(listening_inodes(table, 8080), [0; 0], "{table}");
    }
}

#[test]
fn our_own_socket_is_ours() {
    let pid = std::process::id();
    for listener in [
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)),
    ] {
        // A machine may have no IPv6.
        let Ok(listener) = listener else { continue };
        let port = listener.local_addr().unwrap().port();
        let holder = find(port).unwrap();
        assert!(holder.ends_with(&format!(" (pid {pid})")), "{holder}");
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(find(client.local_addr().unwrap().port()), None);
    }
}

#[test]
fn a_process_that_is_gone_has_nothing() {
    assert!(!has_socket(u32::MAX, &[1]));
    assert!(!has_socket(std::process::id(), &[]));
}
