// boost::interprocess behind functions that a Rust program can load.

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>

#include <new>

using namespace boost::interprocess;

extern "C" {

// The mutex lies at `place`, which processes share.
unsigned long outlive_boost_mutex_size() { return sizeof(interprocess_mutex); }
void outlive_boost_mutex_new(void *place) { new (place) interprocess_mutex(); }
void outlive_boost_mutex_lock(void *at) { static_cast<interprocess_mutex *>(at)->lock(); }
void outlive_boost_mutex_unlock(void *at) { static_cast<interprocess_mutex *>(at)->unlock(); }

// Null where it cannot be made.
void *outlive_boost_named_new(const char *name) {
    try {
        return new named_mutex(create_only, name);
    } catch (...) {
        return nullptr;
    }
}
void outlive_boost_named_lock(void *at) { static_cast<named_mutex *>(at)->lock(); }
void outlive_boost_named_unlock(void *at) { static_cast<named_mutex *>(at)->unlock(); }
void outlive_boost_named_free(void *at, const char *name) {
    delete static_cast<named_mutex *>(at);
    named_mutex::remove(name);
}

void *outlive_boost_queue_new(const char *name, unsigned long capacity, unsigned long length) {
    try {
        return new message_queue(create_only, name, capacity, length);
    } catch (...) {
        return nullptr;
    }
}
int outlive_boost_queue_send(void *at, const void *from, unsigned long length) {
    try {
        static_cast<message_queue *>(at)->send(from, length, 0);
        return 0;
    } catch (...) {
        return -1;
    }
}
long outlive_boost_queue_receive(void *at, void *into, unsigned long room) {
    try {
        message_queue::size_type length;
        unsigned int priority;
        static_cast<message_queue *>(at)->receive(into, room, length, priority);
        return static_cast<long>(length);
    } catch (...) {
        return -1;
    }
}
void outlive_boost_queue_free(void *at, const char *name) {
    delete static_cast<message_queue *>(at);
    message_queue::remove(name);
}
}
