#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A thread of its own, for what blocks: disk work and waiting for events never run where others wait.
package final class Thread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let id: pthread_t

    package init(_ run: @escaping @Sendable () -> Void) throws(DiskError) {
        let body = Unmanaged.passRetained(Body(run))
        #if canImport(Glibc)
        var id = pthread_t()
        let code = pthread_create(
            &id, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        #else
        var started: pthread_t?
        let code = pthread_create(
            &started, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        #endif
        guard code == 0 else {
            body.release()
            throw DiskError("pthread_create", code: code)
        }
        #if !canImport(Glibc)
        guard let id = started else { throw DiskError("pthread_create", code: EAGAIN) }
        #endif
        self.id = id
    }

    /// Waits for its end. Once, and not from the thread itself.
    package func join() {
        pthread_join(id, nil)
    }
}
