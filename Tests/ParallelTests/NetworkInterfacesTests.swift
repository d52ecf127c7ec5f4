import Testing

@testable import Parallel

@Suite struct NetworkInterfacesTests {
  @Test(arguments: [
    ("10.77.0.0/24", "10.77.0.9", true), ("10.77.0.0/24", "10.77.1.9", false), ("10.77.0.0/23", "10.77.1.9", true),
    ("0.0.0.0/0", "192.0.2.1", true), ("10.0.0.0/33", "10.0.0.1", false), ("10.0.0.0", "10.0.0.1", false),
    ("fd00::/8", "fd12::1", true), ("fd00::/8", "10.0.0.1", false), ("lo,eth0", "10.0.0.1", true),
    ("eth1", "10.0.0.1", false), ("eth1,10.0.0.0/8", "10.0.0.1", true), ("", "10.0.0.1", false),
  ])
  func `interfaces are chosen by name or network`(list: String, host: String, isChosen: Bool) throws {
    let address = try #require(HeartbeatAddress(host: host))
    #expect(NetworkInterfaces.Selection(list).contains(address, interface: "eth0") == isChosen)
  }

  @Test(arguments: ["127.0.0.1", "::1"]) func `an address is written as it was read`(_ host: String) throws {
    let address = try #require(HeartbeatAddress(host: host, port: "4711"))
    #expect(address.text == (host, "4711"))
  }

  @Test(arguments: ["localhost", "", "300.0.0.1"]) func `names are not looked up`(_ host: String) {
    #expect(HeartbeatAddress(host: host) == nil)
  }

  @Test func `a socket hears whom it is connected to and nobody else`() throws {
    let loopback = try #require(NetworkInterfaces.loopback)
    let coordinator = try #require(HeartbeatSocket(boundTo: loopback))
    let member = try #require(HeartbeatSocket(connectedTo: coordinator.address))
    let stranger = try #require(HeartbeatSocket(boundTo: loopback))
    stranger.send([9], to: member.address)
    member.send([1, 2])
    let received = try #require(coordinator.receive())
    #expect(Array(received.bytes) == [1, 2])
    #expect(received.sender == member.address)
    #expect(coordinator.receive() == nil)
    coordinator.send([3], to: received.sender)
    #expect(member.receive().map { Array($0.bytes) } == [3])
    #expect(member.receive() == nil)
  }
}
